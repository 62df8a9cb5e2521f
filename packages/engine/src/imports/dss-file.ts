/**
 * DataSphereStudio JSON taken apart into flows. A flow comes as the JSON that its editor saves (`nodes`, `edges`, `props`),
 * alone or several in a list; or inside the record that its server and its exports keep (`{id, name, flowJson, children}`,
 * also as the answer `{data: {flow}}`), with the flows of its subflow nodes as `children`.
 */
import { asMap, idOf, jsonText, listOf, mapOf, parsed, shown, textOf, type Json } from './foreign-json.ts';
import type { ImportProblem } from './report.ts';

export interface DssSource {
  /** As a person calls it. */
  file: string;
  /** What the main flow of the file becomes. */
  name: string;
  /** The text of the file. */
  source: string;
}

export interface DssFlow {
  file: string;
  /** `name` of the source, for its main flow. */
  givenName: string | null;
  id: string | null;
  /** Empty when the file does not say. */
  title: string;
  /** `nodes`, `edges`, `props` and the rest. */
  json: Json;
  /** What stands around it; without the flow itself and its children. */
  record: Json;
}

const FLOWS_MAX = 10_000;

/** Every flow of a file, its main one first. Never throws. */
export function readDssFile(source: DssSource): { flows: DssFlow[]; problems: ImportProblem[] } {
  const flows: DssFlow[] = [];
  const problems: ImportProblem[] = [];
  const refuse = (message: string): void => void problems.push({ item: source.file, message });
  const value = parsed(source.source.replace(/^\u{feff}/u, ''));
  if (value === undefined) refuse(`${source.file} is not JSON`);
  const left: unknown[] = value === undefined ? [] : [value];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (Array.isArray(next)) left.push(...backwards(next));
    else readValue(next, source.file, { flows, left, refuse });
    if (flows.length <= FLOWS_MAX) continue;
    refuse(`${source.file} holds more than ${FLOWS_MAX} flows`);
    break;
  }
  if (value !== undefined && flows.length === 0 && problems.length === 0) refuse(`${source.file} holds no flow`);
  const main = mainFlow(flows);
  if (main !== undefined) main.givenName = source.name;
  return { flows, problems };
}

/** What the main flow of the file calls itself; null when it does not say. Never throws. */
export function dssFlowName(source: string): string | null {
  const { flows } = readDssFile({ file: '', name: '', source });
  return mainFlow(flows)?.title || null;
}

/** For a stack, so that they are taken in their order. */
function backwards(values: unknown[]): unknown[] {
  return values.slice(0, FLOWS_MAX).toReversed();
}

interface Reading {
  flows: DssFlow[];
  left: unknown[];
  refuse: (message: string) => void;
}

function readValue(value: unknown, file: string, { flows, left, refuse }: Reading): void {
  const map = asMap(value);
  if (map === null) return refuse(`${file} holds something that is no flow: ${shown(jsonText(value) ?? '?')}`);
  const inner = asMap(map['data']);
  if (inner !== null && !isFlow(map)) {
    left.push(inner['flow'] ?? inner['flows'] ?? inner);
    return;
  }
  if (!isFlow(map) && asMap(map['flow']) !== null) {
    left.push(map['flow']);
    return;
  }
  left.push(...backwards(listOf(map['children'])));
  if (isFlow(map)) {
    flows.push(flowOf(file, map, {}));
    return;
  }
  const { flowJson, json, children: _children, ...record } = map;
  const body = mapOf(flowJson ?? json);
  if (isFlow(body)) flows.push(flowOf(file, body, record));
  else refuse(`${file}: ${textOf(map['name']) ?? 'an entry'} has no \`nodes\`, so it is no flow`);
}

function isFlow(map: Json): boolean {
  return Array.isArray(map['nodes']) || Array.isArray(map['edges']);
}

function flowOf(file: string, json: Json, record: Json): DssFlow {
  const { children: _children, ...own } = json;
  return {
    file,
    givenName: null,
    id: idOf(record['id'] ?? own['id'] ?? own['flowId']),
    title: (textOf(record['name'] ?? own['name'] ?? own['flowName']) ?? contextOf(own)['flow'] ?? '').trim(),
    json: own,
    record,
  };
}

/** What the context id, JSON inside JSON, says about `project` and `flow`. */
export function contextOf(json: Json): { project?: string; flow?: string } {
  const outer = mapOf(json['contextID'] ?? json['contextId']);
  const inner = mapOf(outer['value'] ?? outer);
  const [project, flow] = [textOf(inner['project']), textOf(inner['flow'])];
  return { ...(project === null ? {} : { project }), ...(flow === null ? {} : { flow }) };
}

/** The first one that no other one runs. */
function mainFlow(flows: DssFlow[]): DssFlow | undefined {
  const embedded = new Set(
    flows.flatMap(({ json }) => listOf(json['nodes']).map((node) => embeddedFlowId(mapOf(node)))),
  );
  return flows.find(({ id }) => id === null || !embedded.has(id)) ?? flows[0];
}

/** The id of the flow that a subflow node runs. */
export function embeddedFlowId(node: Json): string | null {
  return idOf(mapOf(node['jobContent'])['embeddedFlowId']);
}
