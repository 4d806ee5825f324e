// Types of crash.mjs.

import type { MoveEvent } from "../../src/core/events";

export function killGroup(pid: number): void;
export function findWorkerd(group: number): number[];
export function killWorkerd(group: number): number;
export function editDatabase(state: string, sql: string, ...values: (string | number)[]): number;
export function readDatabase<Row>(state: string, sql: string): Row[];
export function readKeptEvents(state: string): MoveEvent[];
export function readObjectKeys(state: string): string[];
