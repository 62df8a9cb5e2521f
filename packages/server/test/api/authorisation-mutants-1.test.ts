import { theMatrixNotices } from './authorisation/suites.ts';

theMatrixNotices({ index: 0, of: 4 });
