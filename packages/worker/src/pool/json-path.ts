/** Paths into JSON: `$`, then `.name`, `['name']`, `["name"]` or `[index]` (negative: from the end), any number of times. */

/** The steps of a path, or null when the text is not one. */
export function parseJsonPath(path: string): (string | number)[] | null {
  const text = path.trim();
  if (!text.startsWith('$')) return null;
  const steps: (string | number)[] = [];
  const step = /\.([^.[\]'"\s]+)|\[(-?\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
  step.lastIndex = 1;
  while (step.lastIndex < text.length) {
    const match = step.exec(text);
    if (!match) return null;
    if (match[2] !== undefined) steps.push(Number(match[2]));
    else steps.push(match[1] ?? (match[3] ?? match[4] ?? '').replace(/\\(.)/g, '$1'));
  }
  return steps;
}

/** The value at a path; undefined where there is none. */
export function valueAtPath(value: unknown, steps: (string | number)[]): unknown {
  let here = value;
  for (const step of steps) {
    if (here === null || typeof here !== 'object') return undefined;
    if (Array.isArray(here)) here = typeof step === 'number' ? here.at(step) : undefined;
    else here = Object.hasOwn(here, step) ? (here as Record<string, unknown>)[step] : undefined;
  }
  return here;
}
