// The project's own files as text, for the rules that read them.

/// <reference types="vite/types/importMeta.d.ts" />

export type SourceFile = { path: string; text: string };

const texts = import.meta.glob<string>(
  [
    "/src/**/*.ts",
    "/client/src/**/*.ts",
    "/client/package.json",
    "/test/**/*.ts",
    "/scripts/**/*.mjs",
    "/bench/**/*.mjs",
    "/examples/**/*.{ts,tsx,mjs}",
    "/README.md",
    "!/bench/results/**",
    "!/examples/*/dist/**",
  ],
  { query: "?raw", import: "default", eager: true },
);

const names = import.meta.glob(["/*", "/*/**", "/.*", "/.ci/**", "!/node_modules/**"]);

export const allFiles: SourceFile[] = Object.entries(texts).map(([path, text]) => ({
  path: path.slice(1),
  text,
}));

export const sourceFiles = allFiles.filter((file) => file.path.startsWith("src/"));
export const clientFiles = allFiles.filter((file) => file.path.startsWith("client/src/"));
export const clientManifest = allFiles.find((file) => file.path === "client/package.json")?.text ?? "{}";
export const readme = allFiles.find((file) => file.path === "README.md")?.text ?? "";

/** Every path of the project, for looking up whether something exists. */
export const allPaths = Object.keys(names).map((path) => path.slice(1));
