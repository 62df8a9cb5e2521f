/** The contract's areas of runs on SQLite; what is said of SQLite alone is in `sqlite.test.ts`. */
import { runAreasContract } from './contract-of-areas.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

runAreasContract('sqlite', makeSqlitePlace, { histories: 15 });
