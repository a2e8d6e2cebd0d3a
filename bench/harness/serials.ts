/**
 * Serials begin here, so that every client knows which must come first, whatever filter it has: no
 * scenario has more filters than this.
 */
export const FIRST_SERIAL = 1_000_000;
