export { checkDefinitionParameters, checkDefinitionTemplates, type ParameterProblem } from './check-definition.ts';
export { resolveTask, type ResolvedTask, type ResolveTaskInput } from './resolve-task.ts';
export type { PredecessorOutputs, RunFacts } from './scope.ts';
export { namesSecrets, secretPlaces, secretsNamedBy } from './secret-names.ts';
export { resolveStartParameters, type StartParameters } from './start-parameters.ts';
export { checkTemplate, escapeTemplate } from './template.ts';
export { evaluateTimeExpression, type EvaluatedTime, type LogicalDate } from './time-expression.ts';
