import { whoeverAsks } from './authorisation/suites.ts';

whoeverAsks({ index: 0, of: 2 });
