/**
 * DataSphereStudio flows as workflows. A pure function of the files' text: the same files give the same workflows, so
 * importing them again saves new versions of the same ones. Every node, edge, property and setting of a file is a row of the
 * report; what has no meaning here stays in `extras.dss` of its task or in a label.
 */
import { checkedWorkflow } from './checked-workflow.ts';
import { cycleIn, readEdges, waitsFor, type Predecessors } from './dss-edges.ts';
import { contextOf, embeddedFlowId, readDssFile, type DssFlow, type DssSource } from './dss-file.ts';
import { nodeTitle, readNode, settingOf, signalOf, type DssNode } from './dss-node.ts';
import { readVariables, taskOf, wordsOf, type DssFiles, type DssLinks, type DssUpstream } from './dss-task.ts';
import { asMap, byteLength, jsonText, listOf, mapOf, shown, storableText, textOf, type Json } from './foreign-json.ts';
import { asName, freeName, uniqueNames } from './names.ts';
import { ReportLog, type ImportedWorkflow, type ImportProblem, type ImportResult } from './report.ts';

export interface DssOptions extends Partial<DssFiles> {
  /** Null: the command says. */
  project: string | null;
}

/** Files that belong together: the signals and subflows of one may be meant for another. Never throws. */
export function importDssFiles(sources: readonly DssSource[], options: DssOptions): ImportResult {
  const read = sources.map(readDssFile);
  const problems = read.flatMap((one) => one.problems);
  const set = flowSet(read.flatMap((one) => one.flows));
  const files: DssFiles = { readFile: options.readFile ?? (() => null), hasFile: options.hasFile ?? (() => false) };
  const workflows = new Map<number, ImportedWorkflow>();
  const report = set.flows.flatMap((flow, index) => {
    const log = new ReportLog(set.flows.length > 1 ? `${flow.name}: ` : '');
    const made = importFlow(flow, set, { files, log, project: options.project });
    if ('workflow' in made) workflows.set(index, made.workflow);
    else problems.push(...made.problems);
    return log.rows();
  });
  problems.push(...circles(set));
  return { workflows: childrenFirst(set, workflows), report, problems };
}

// ---- all flows together

interface NamedFlow {
  flow: DssFlow;
  name: string;
  nodes: DssNode[];
  /** Entries of `nodes` that are no nodes. */
  strange: number;
  /** For each subflow node: the position of the flow that it runs, if that was imported too. */
  children: Map<DssNode, number>;
}

interface FlowSet {
  flows: NamedFlow[];
  /** Position of a flow by each of its names. */
  byName: Map<string, number>;
  /** Who sends a signal. */
  senders: Map<string, { flow: number; node: DssNode }[]>;
  /** Names of workflows that subflow nodes mean and that are not here, by flow id or title. */
  missing: Map<string, string>;
}

function flowSet(flows: DssFlow[]): FlowSet {
  const names = uniqueNames(
    flows.map((flow) => flow.givenName ?? flow.title),
    'flow',
  );
  const named = flows.map((flow, index): NamedFlow => {
    const maps = listOf(flow.json['nodes']).map(asMap);
    const raws = maps.filter((map) => map !== null);
    const taskNames = uniqueNames(raws.map(nodeTitle), 'task');
    const nodes = raws.map((raw, position) => readNode(raw, taskNames[position] ?? 'task'));
    return { flow, name: names[index] ?? 'flow', nodes, strange: maps.length - raws.length, children: new Map() };
  });
  const set: FlowSet = { flows: named, byName: namesOf(named), senders: new Map(), missing: new Map() };
  linkChildren(set);
  for (const [flow, { nodes }] of named.entries()) {
    for (const node of nodes) {
      const signal = node.kind === 'sender' ? signalOf(node) : null;
      if (signal !== null) set.senders.set(signal, [...(set.senders.get(signal) ?? []), { flow, node }]);
    }
  }
  return set;
}

function namesOf(flows: NamedFlow[]): Map<string, number> {
  const byName = new Map<string, number>();
  const add = (name: string, index: number): void => {
    if (name !== '' && !byName.has(name)) byName.set(name, index);
  };
  for (const [index, { name }] of flows.entries()) add(name, index);
  for (const [index, { flow }] of flows.entries()) add(flow.title, index);
  return byName;
}

/** By the id of the flow; flows without one are found by the title of the node, which is the name of its flow. */
function linkChildren(set: FlowSet): void {
  const byId = new Map<string, number>();
  for (const [index, { flow }] of set.flows.entries())
    if (flow.id !== null && !byId.has(flow.id)) byId.set(flow.id, index);
  const used = new Set(set.flows.map(({ name }) => name));
  for (const [index, { nodes, children }] of set.flows.entries()) {
    for (const node of nodes) {
      if (node.kind !== 'subflow') continue;
      const id = embeddedFlowId(node.raw);
      const byTitle = set.byName.get(node.title);
      const found = (id === null ? undefined : byId.get(id)) ?? (byTitle === index ? undefined : byTitle);
      if (found !== undefined) children.set(node, found);
      else nameMissing(set, missingKey(node), node, used);
    }
  }
}

function missingKey(node: DssNode): string {
  return embeddedFlowId(node.raw) ?? `title ${node.title}`;
}

function nameMissing({ missing }: FlowSet, key: string, node: DssNode, used: Set<string>): void {
  if (missing.has(key)) return;
  const name = freeName(asName(node.title) || 'flow', used);
  used.add(name);
  missing.set(key, name);
}

/** Workflows that would run one another without end. */
function circles(set: FlowSet): ImportProblem[] {
  const cycle = cycleIn(set.flows.map(({ children }) => new Set(children.values())));
  if (cycle === null) return [];
  const names = cycle.reverse().map((index) => set.flows[index]?.name ?? '');
  return [{ item: names[0] ?? '', message: `flows run one another without end: ${names.join(' → ')}` }];
}

/** In the order of the file but for children, which come before those that run them. */
function childrenFirst(set: FlowSet, workflows: Map<number, ImportedWorkflow>): ImportedWorkflow[] {
  const ordered = new Set<number>();
  const left = [...set.flows.keys()].reverse().map((flow) => ({ flow, entered: false }));
  const entered = new Set<number>();
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (next.entered) ordered.add(next.flow);
    else if (!entered.has(next.flow)) {
      entered.add(next.flow);
      left.push({ flow: next.flow, entered: true });
      for (const child of set.flows[next.flow]?.children.values() ?? []) left.push({ flow: child, entered: false });
    }
  }
  return [...ordered].flatMap((flow) => workflows.get(flow) ?? []);
}

// ---- one flow

interface Importing {
  files: DssFiles;
  log: ReportLog;
  project: string | null;
}

function importFlow(
  named: NamedFlow,
  set: FlowSet,
  { files, log, project }: Importing,
): { workflow: ImportedWorkflow } | { problems: ImportProblem[] } {
  const { flow, name, nodes } = named;
  const index = set.flows.indexOf(named);
  reportFlow(named, log);
  if (nodes.length === 0 && !isChild(set, index)) return refusal(name, 'the flow has no nodes');
  const needs = readEdges(flow.json, nodes, log);
  const cycle = cycleIn(needs);
  if (cycle !== null) {
    const titles = cycle.map((position) => shown(nodes[position]?.title || (nodes[position]?.name ?? '')));
    log.add(`cycle ${titles.join(' → ')}`, 'unsupported', null, 'each of these nodes waits for the one before it');
    return refusal(name, `the edges run in a circle: ${titles.join(' → ')}`);
  }
  const { params, scope } = readProps(flow.json, log);
  const linked = nodes.map((node, position) => linksOf(node, position, { set, flow: index, needs }));
  const tasks = nodes.map((node, position): [string, Record<string, unknown>] => {
    const keys = taskOf({ node, links: linked[position] ?? NO_LINKS, scope, files, report: log });
    return [node.name, withNeeds(keys, needs[position], nodes)];
  });
  if (tasks.length === 0) {
    tasks.push(['empty', { type: 'virtual' }]);
    log.add('a flow without nodes', 'changed', 'task empty (virtual)', 'a workflow has at least one task');
  }
  tellOfRunDate(named, set, scope.runDate, log);
  reportNodeFields(nodes, log);
  const description = storableText(textOf(flow.record['description']) ?? textOf(flow.json['description']) ?? '');
  return checkedWorkflow({
    name,
    ...(project === null ? {} : { project }),
    ...(description === '' ? {} : { description }),
    labels: labelsOf(flow, log),
    parameterMode: 'lenient',
    ...(Object.keys(params).length === 0 ? {} : { params }),
    tasks: Object.fromEntries(tasks),
  });
}

function refusal(item: string, message: string): { problems: ImportProblem[] } {
  return { problems: [{ item, message }] };
}

function isChild(set: FlowSet, index: number): boolean {
  return set.flows.some(({ children }) => [...children.values()].includes(index));
}

function withNeeds(
  { type, ...rest }: Record<string, unknown>,
  before: ReadonlySet<number> | undefined,
  nodes: DssNode[],
): Record<string, unknown> {
  const needs = [...(before ?? [])].flatMap((position) => nodes[position]?.name ?? []);
  return needs.length === 0 ? { type, ...rest } : { type, needs, ...rest };
}

// ---- what one node has to do with others

const NO_LINKS: DssLinks = { subWorkflow: null, upstream: null, isInside: false };

interface Linking {
  set: FlowSet;
  /** Position of the flow. */
  flow: number;
  /** Gets one more edge where a signal stays inside the flow. */
  needs: Predecessors;
}

function linksOf(node: DssNode, position: number, linking: Linking): DssLinks {
  switch (node.kind) {
    case 'subflow':
      return { ...NO_LINKS, subWorkflow: targetOf(node, linking) };
    case 'receiver':
      return receiverLinks(node, position, linking);
    case 'datachecker':
      return { ...NO_LINKS, upstream: checkedWorkflows(node, linking) };
    default:
      return NO_LINKS;
  }
}

function targetOf(node: DssNode, { set, flow }: Linking): { name: string; why: string | null } {
  const id = embeddedFlowId(node.raw);
  const child = set.flows[flow]?.children.get(node);
  const found = child === undefined ? undefined : set.flows[child];
  if (found !== undefined) {
    const byId = id !== null && found.flow.id === id;
    return { name: found.name, why: byId ? null : 'its flow was found by its name' };
  }
  const name = set.missing.get(missingKey(node)) ?? asName(node.title);
  return { name, why: `import ${id === null ? 'its flow' : `flow ${id}`} under the name ${name}` };
}

function receiverLinks(node: DssNode, position: number, { set, flow, needs }: Linking): DssLinks {
  const signal = signalOf(node);
  const senders = signal === null ? [] : (set.senders.get(signal) ?? []);
  const nodes = set.flows[flow]?.nodes ?? [];
  for (const sender of senders) {
    const from = sender.flow === flow ? nodes.indexOf(sender.node) : -1;
    // A sender behind its own receiver sends to the next run, which is none of this one's business.
    if (from === -1 || waitsFor(needs, from, position)) continue;
    needs[position]?.add(from);
    return { ...NO_LINKS, isInside: true };
  }
  const others = senders.filter((sender) => sender.flow !== flow);
  if (others.length === 0) return NO_LINKS;
  const leaves = others.map((sender) => ({ workflow: set.flows[sender.flow]?.name ?? '', task: sender.node.name }));
  const bodies = others.filter((sender) => settingOf(sender.node, 'msg.body') !== null).length;
  const lost = bodies === 0 ? '' : '; the content of the message (`msg.savekey`) does not arrive';
  const who = leaves.map(({ workflow, task }) => `${workflow}/${task}`).join(' or ');
  return { ...NO_LINKS, upstream: { leaves, join: 'or', why: `it waits for ${shown(who, 100)} to succeed${lost}` } };
}

/** Workflows of this import that the checker names; everything else that it may check is out of reach. */
function checkedWorkflows(node: DssNode, { set, flow }: Linking): DssUpstream | null {
  const words = wordsOf(node, ['job.desc', 'check.object']);
  const found = new Set(words.flatMap((word) => set.byName.get(word) ?? []).filter((index) => index !== flow));
  const leaves = [...found].map((index) => ({ workflow: set.flows[index]?.name ?? '', task: null }));
  if (leaves.length === 0) return null;
  const names = leaves.map(({ workflow }) => workflow).join(' and ');
  return {
    leaves,
    join: 'and',
    why: `it waits for ${shown(names, 100)}, which it names, instead of looking at the data`,
  };
}

// ---- what stands at the flow itself

function readProps(json: Json, log: ReportLog): ReturnType<typeof readVariables> {
  const written = json['props'];
  const maps = Array.isArray(written) ? written : [written];
  const given = new Map<string, unknown>();
  for (const [name, value] of maps.flatMap((map) => Object.entries(mapOf(map)))) {
    if (name === USER_TO_PROXY)
      log.add(
        `prop ${name}`,
        'unsupported',
        'label dss.user.to.proxy',
        'tasks run as the user of their worker; `runAs` says another',
      );
    else if (given.has(name)) log.add(`prop ${shown(name)}`, 'unsupported', null, 'it comes a second time');
    else given.set(name, value);
  }
  return readVariables(given, { runDate: null, values: new Map() }, (name, outcome, to, why) =>
    log.add(`prop ${name}`, outcome, to, why),
  );
}

const USER_TO_PROXY = 'user.to.proxy';

/** A child does not see that the flow above it fixes the date. */
function tellOfRunDate({ nodes, children }: NamedFlow, set: FlowSet, runDate: string | null, log: ReportLog): void {
  if (runDate === null) return;
  for (const node of nodes) {
    const child = children.get(node);
    const name = child === undefined ? null : set.flows[child]?.name;
    if (name) log.add(`run_date for ${name}`, 'unsupported', null, 'a sub-workflow reckons from the logical date');
  }
}

function reportFlow({ flow, name, strange }: NamedFlow, log: ReportLog): void {
  const changed = flow.title !== '' && flow.title !== name;
  log.add(
    `flow ${shown(flow.title || flow.file)}`,
    changed ? 'changed' : 'mapped',
    `workflow ${name}`,
    changed ? 'another name' : null,
  );
  if (strange > 0) log.add(`${strange} entries of nodes`, 'unsupported', null, 'they are no nodes');
}

/** What nodes hold besides what the rows of the nodes stand for. */
function reportNodeFields(nodes: DssNode[], log: ReportLog): void {
  for (const { raw, name } of nodes)
    for (const field of Object.keys(raw))
      if (!TOLD_FIELDS.has(field))
        log.tally(name, `node field ${shown(field)}`, 'mapped', `extras.dss.${shown(field)}`, 'kept');
  for (const { raw, name } of nodes)
    for (const field of Object.keys(mapOf(raw['params'])))
      if (field !== 'variable' && field !== 'configuration')
        log.tally(
          name,
          `node field params.${shown(field)}`,
          'unsupported',
          'extras.dss.params',
          'it means nothing here',
        );
}

const TOLD_FIELDS = new Set(['id', 'key', 'title', 'jobType', 'desc', 'jobContent', 'params', 'resources']);

const LABEL_BYTES = 1000;
const LABELS_MAX = 100;
const FLOW_FIELDS = new Set(['nodes', 'edges', 'props', 'name', 'description']);

/** Where the workflow comes from, and every other field of the flow, as labels. */
function labelsOf(flow: DssFlow, log: ReportLog): Record<string, string> {
  const labels = new Map<string, string>([['dss.file', storableText(flow.file)]]);
  if (flow.id !== null) labels.set('dss.flowId', storableText(flow.id));
  if (flow.title !== '') labels.set('dss.flow', storableText(flow.title));
  const { project } = contextOf(flow.json);
  if (project !== undefined) labels.set('dss.project', storableText(project));
  const proxy = listOf(flow.json['props']).flatMap((map) => textOf(mapOf(map)[USER_TO_PROXY]) ?? [])[0];
  if (proxy !== undefined) labels.set('dss.user.to.proxy', storableText(proxy));
  for (const [field, value] of Object.entries({ ...flow.json, ...flow.record })) {
    if (FLOW_FIELDS.has(field) || (field === 'id' && flow.id !== null)) continue;
    labelField(field, value, labels, log);
  }
  return Object.fromEntries([...labels].filter(([, text]) => byteLength(text) <= LABEL_BYTES));
}

const NO_MEANING: Record<string, string> = {
  scheduleParams: 'schedules are made with the workflow; tasks run as the user of their worker',
  resources: 'files of the flow are not in its JSON',
};

function labelField(field: string, value: unknown, labels: Map<string, string>, log: ReportLog): void {
  const item = `field ${shown(field)}`;
  const text = typeof value === 'object' && value !== null ? jsonText(value) : textOf(value);
  if (text === null || text === '[]' || text === '{}') return log.add(item, 'mapped', null, 'it is empty');
  const label = `dss.${field === 'contextID' ? 'contextId' : storableText(field).replace(/[^\p{L}\p{Nd}_.-]+/gu, '_')}`;
  const good = storableText(text);
  if (label.length > 60 || byteLength(good) > LABEL_BYTES || labels.size >= LABELS_MAX || labels.has(label))
    return log.add(item, 'unsupported', null, `not kept: ${shown(good)}`);
  labels.set(label, good);
  const why = NO_MEANING[field] ?? null;
  log.add(item, why === null ? 'mapped' : 'unsupported', `label ${label}`, why);
}
