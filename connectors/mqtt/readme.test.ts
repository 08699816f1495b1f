import { examineReadme } from '../acceptance/index.ts';
import { mqttPlugins } from './plugins.ts';

examineReadme(new URL('README.md', import.meta.url), mqttPlugins);
