/**
 * The README of this room against the declaration of its keys. The examination itself is in connectors/acceptance.
 */
import { examineReadme } from '../acceptance/index.ts';
import { simPlugins } from './plugins.ts';

examineReadme(new URL('README.md', import.meta.url), simPlugins);
