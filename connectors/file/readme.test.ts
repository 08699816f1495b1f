import { examineReadme } from '../acceptance/index.ts';
import { filePlugins } from './plugins.ts';

examineReadme(new URL('README.md', import.meta.url), filePlugins);
