/** Linux's `oom_score_adj` of tasks: when memory runs out they go before the supervisor and the service. */
export const TASK_OOM_SCORE = 100;
