export { normaliseForHash } from './canonical.ts';
export { parseDirectDefinition, toPublishedNodes, type PublishedNode, type PublishedNodes } from './direct.ts';
export {
  evaluateExpression,
  EXPRESSION_LIMITS,
  namesIn,
  parseExpression,
  type Comparison,
  type Evaluation,
  type Expression,
  type ExpressionValue,
  type ParsedExpression,
} from './expression.ts';
export { workflowJsonSchema } from './json-schema.ts';
export { WORKER_GROUP_PATTERN } from './names.ts';
export { parseDefinition, parseDefinitionValue, type DefinitionOptions, type ParsedDefinition } from './parse.ts';
export type { DefinitionChecks, TemplateKind } from './problem-log.ts';
