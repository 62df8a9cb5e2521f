/** The contract's areas on SQLite; what is said of SQLite alone is in `sqlite.test.ts`. */
import { areasContract } from './contract-of-areas.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

areasContract('sqlite', makeSqlitePlace);
