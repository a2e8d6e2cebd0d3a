/** Why a position may move; anything else would be a silent loss. */
export type MoveKind =
  /** Past an event that was handed to the socket. */
  | "delivered"
  /** Past an event that was evaluated and did not match. */
  | "unmatched"
  /** Past an event that a `gap` frame already written covers. */
  | "gap"
  /** Past an offset that holds no event for anyone. */
  | "empty";

/** How far positions moved, by kind, in matches (and in entries, for those that did not match). */
export interface Move {
  readonly delivered: number;
  readonly unmatched: number;
  readonly gap: number;
  readonly empty: number;
}

/**
 * The one place through which positions move. A mover says how far it goes and what it passes on
 * the way; what the two differ by is a silent skip, and is counted as one.
 */
export class Movements {
  delivered = 0;
  unmatched = 0;
  gap = 0;
  empty = 0;
  silentSkips = 0;

  /**
   * @param distance how far the position moves
   * @param move what lies on the way
   * @param clients how many clients move so
   */
  advance(distance: number, move: Move, clients: number): void {
    this.delivered += move.delivered * clients;
    this.unmatched += move.unmatched * clients;
    this.gap += move.gap * clients;
    this.empty += move.empty * clients;
    const told = move.delivered + move.unmatched + move.gap + move.empty;
    if (told !== distance) this.silentSkips += Math.abs(distance - told) * clients;
  }
}
