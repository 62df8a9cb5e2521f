import { whoeverAsks } from './authorisation/suites.ts';

whoeverAsks({ index: 1, of: 2 });
