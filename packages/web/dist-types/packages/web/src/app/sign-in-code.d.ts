export declare function refuseCode(): void;
export declare function wasCodeRefused(): boolean;
