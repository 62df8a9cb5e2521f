/** Whether the link by which this page was opened had been used before, or was too old. */
let refused = false;

export function refuseCode(): void {
  refused = true;
}

export function wasCodeRefused(): boolean {
  return refused;
}
