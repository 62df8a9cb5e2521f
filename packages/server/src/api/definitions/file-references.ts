import type { TaskDefinition, WorkflowDefinition } from '@pelorus/protocol';

/** A place in a definition that names a file. */
export interface FileReference {
  name: string;
  /** RFC 6901, e.g. `/tasks/load/file`. */
  pointer: string;
}

/** Every file that the tasks name, in the order of the definition. */
export function filePlaces(definition: WorkflowDefinition): FileReference[] {
  return definition.tasks.flatMap((task) => {
    const at = `/tasks/${task.name}`;
    const own = fileOf(task);
    const listed = task.files.map((name, index) => ({ name, pointer: `${at}/files/${index}` }));
    return own === null ? listed : [{ name: own, pointer: `${at}/file` }, ...listed];
  });
}

function fileOf(task: TaskDefinition): string | null {
  return 'file' in task.action ? task.action.file : null;
}
