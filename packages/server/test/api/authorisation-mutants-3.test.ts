import { theMatrixNotices } from './authorisation/suites.ts';

theMatrixNotices({ index: 2, of: 4 });
