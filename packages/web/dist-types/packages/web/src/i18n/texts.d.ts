/** The same keys with any texts: what a translation must have. Plural forms may differ, for Chinese knows one. */
export type Texts<English> = {
  readonly [Key in keyof English as Key extends `${string}_one` ? never : Key]: English[Key] extends string
    ? string
    : Texts<English[Key]>;
};
