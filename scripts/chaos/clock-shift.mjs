// Preloaded into masters, workers and APIs: their wall clock reads as far off as the file CHAOS_CLOCK says (milliseconds), and is
// read again every half second. The kernel does not let one process have a wall clock of its own, so this is done to `Date` itself;
// monotonic clocks stay as they are, as they would when somebody sets the clock.
import { readFileSync } from 'node:fs';

const file = process.env.CHAOS_CLOCK;
if (file !== undefined) {
  const RealDate = Date;
  const realNow = RealDate.now;
  let offsetMs = 0;
  const read = () => {
    try {
      offsetMs = Number(readFileSync(file, 'utf8')) || 0;
    } catch {
      offsetMs = 0;
    }
  };
  read();
  setInterval(read, 500).unref();
  class ShiftedDate extends RealDate {
    constructor(...args) {
      if (args.length === 0) super(realNow() + offsetMs);
      else super(...args);
    }
    static now() {
      return Math.trunc(realNow() + offsetMs);
    }
  }
  globalThis.Date = ShiftedDate;
}
