/** Limits of parameters and time expressions that nobody outside this folder needs. `LIMITS.parameterBytes` is the public one. */
export const PARAMETER_LIMITS = {
  /** Between `$[` and `]`. */
  expressionChars: 256,
  /** Parentheses and functions inside one another. */
  expressionNesting: 16,
  nameChars: 63,
  startParameters: 1000,
  /** Objects and lists inside one another in the body of an HTTP task. */
  bodyNesting: 200,
  /** Problems named in one `invalid` detail; the rest are counted. */
  problemsPerDetail: 5,
  /** How much of a person's text an error message repeats. */
  quotedChars: 60,
  /** How far a time expression may move: 10,000 years. */
  offsetDays: 3_652_500,
  offsetMonths: 120_000,
  /** Digits of one number in an expression. */
  numberDigits: 12,
} as const;
