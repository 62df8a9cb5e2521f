import { Option } from 'commander';

export interface ProjectFlags {
  project: string;
}

/** Of commands about what a project keeps: there is no default, so that nothing lands in the wrong one. */
export function projectOption(): Option {
  return new Option('-p, --project <project>', 'the project').makeOptionMandatory();
}
