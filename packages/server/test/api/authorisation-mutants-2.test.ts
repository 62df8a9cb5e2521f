import { theMatrixNotices } from './authorisation/suites.ts';

theMatrixNotices({ index: 1, of: 4 });
