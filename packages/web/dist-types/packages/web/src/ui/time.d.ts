/** Instants and spans for people: relative where that says more, the whole instant on hover and to readers of screens. */
import { type ReactNode } from 'react';
/** `3 min ago`, `in 2 days`. */
export declare function relativeTime(at: number, now: number): string;
/** In the zone of the browser unless another is given, with the zone's name. */
export declare function absoluteTime(at: number | string, zone?: string): string;
/** `1 h 5 min`, `4.2 s`, `230 ms`. */
export declare function span(ms: number): string;
/** Now, again every `everyMs`. */
export declare function useNow(everyMs?: number): number;
export declare function Time({ at, zone }: { at: string | null; zone?: string }): ReactNode;
