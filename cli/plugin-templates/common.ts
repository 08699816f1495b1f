/** The files of a new plugin that do not depend on its kind, as text. */

/** Where the table of keys goes; between the marks that `examineReadme` knows. */
export const KEYS_MARK = '(keys)';

export function commonFiles(name: string, className: string, kind: string, version: string): Record<string, string> {
  return {
    'package.json': `${JSON.stringify(manifest(name, version), null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(compiler, null, 2)}\n`,
    '.gitignore': 'node_modules/\n.millrace/\n',
    'README.md': readme(name, className, kind),
  };
}

const manifest = (name: string, version: string) => ({
  name,
  version: '0.1.0',
  type: 'module',
  // Node runs TypeScript as it is, but not below node_modules: to publish, compile and name the .js file here.
  main: 'index.ts',
  scripts: { test: 'millrace plugin test', dev: 'millrace plugin dev', check: 'tsc' },
  devDependencies: { millrace: `^${version}`, typescript: '>=5.9' },
});

const compiler = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    noEmit: true,
    strict: true,
    erasableSyntaxOnly: true,
    verbatimModuleSyntax: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
  },
};

const readme = (name: string, className: string, kind: string) => `# ${className}

A Millrace ${kind}. What it is for goes here.

\`\`\`sh
millrace plugin test        # its examination
millrace plugin dev         # everything, with this plugin loaded anew when it changes
\`\`\`

To use it, name its folder in \`plugin.path\` (\`millrace.json\`, section \`worker\`), or \`millrace up --plugin ./${name}\`.

## Keys

<!-- keys of ${className}: generated from its declaration, do not edit -->
${KEYS_MARK}
<!-- end of keys of ${className} -->
`;
