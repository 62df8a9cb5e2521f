import { theMatrixNotices } from './authorisation/suites.ts';

theMatrixNotices({ index: 3, of: 4 });
