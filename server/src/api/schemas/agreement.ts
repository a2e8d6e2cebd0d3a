/** How the compiler holds schemas to the types of the contract. */

/** A type without what schemas cannot say: `readonly`, and the two ways to leave a member out. */
export type Plain<T> = T extends readonly (infer E)[]
  ? readonly Plain<E>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Plain<Exclude<T[K], undefined>> }
    : T;

/** `true` where two types are each assignable to the other. */
export type Same<A, B> = [Plain<A>] extends [Plain<B>]
  ? [Plain<B>] extends [Plain<A>]
    ? true
    : false
  : false;

/** The members of a type that may be left out. */
export type Optional<T> = {
  [K in keyof T]-?: undefined extends T[K] ? K : object extends Pick<T, K> ? K : never;
}[keyof T];

/** Whether a schema's type is the contract's, members that may be left out included. */
export type Agrees<A, B> =
  Same<A, B> extends true
    ? [Optional<A>] extends [Optional<B>]
      ? [Optional<B>] extends [Optional<A>]
        ? true
        : false
      : false
    : false;

/** Does not compile unless what it is told is true. */
export function agreed<_T extends true>(): void {}
