/** The contract's areas beside runs on SQLite; what is said of SQLite alone is in `sqlite.test.ts`. */
import { otherAreasContract } from './contract-of-areas.ts';
import { makeSqlitePlace } from './sqlite-place.ts';

otherAreasContract('sqlite', makeSqlitePlace);
