export interface Random {
  /** 0 <= x < 1. */
  unit(): number
  /** 0 <= n < `below`, evenly; from a source fit for pairing codes. */
  integer(below: number): number
}
