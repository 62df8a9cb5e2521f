/**
 * Refuses records that cannot be right, and names every one of them: a day missing or twice, a minimum above the
 * maximum, rain below zero, a temperature that Seattle has never seen.
 */
type Day = [date: string, precipitation: number, tempMax: number, tempMin: number, wind: number, weather: string];

export default async function check(ctx: { params: Record<string, string>; log: (line: string) => void }) {
  const year = Number(ctx.params['year']);
  const days: Day[] = JSON.parse(ctx.params['records'] ?? '[]');

  const faults = [...missingDays(year, days), ...days.flatMap(impossible)];
  if (faults.length > 0) throw new Error(`${faults.length} faults in the records of ${year}: ${faults.slice(0, 10).join('; ')}`);

  ctx.log(`${days.length} days of ${year}, none missing, all plausible`);
  return { days: days.length };
}

function missingDays(year: number, days: Day[]): string[] {
  const seen = new Map<string, number>();
  for (const [date] of days) seen.set(date, (seen.get(date) ?? 0) + 1);

  const faults: string[] = [];
  for (let at = Date.UTC(year, 0, 1); at < Date.UTC(year + 1, 0, 1); at += 86_400_000) {
    const date = new Date(at).toISOString().slice(0, 10);
    const count = seen.get(date) ?? 0;
    if (count !== 1) faults.push(`${date} is there ${count} times`);
    seen.delete(date);
  }
  return [...faults, ...[...seen.keys()].map((date) => `${date} is not a day of ${year}`)];
}

function impossible([date, precipitation, tempMax, tempMin, wind]: Day): string[] {
  const faults: string[] = [];
  if (!(precipitation >= 0)) faults.push(`${date}: ${precipitation} mm of rain`);
  if (!(tempMin <= tempMax)) faults.push(`${date}: minimum ${tempMin} above maximum ${tempMax}`);
  if (!(tempMin > -30 && tempMax < 50)) faults.push(`${date}: ${tempMin} to ${tempMax} °C`);
  if (!(wind >= 0)) faults.push(`${date}: wind ${wind}`);
  return faults;
}
