/** For `node --import`: the tests of a plugin, run outside a house, see the house's `millrace` and `millrace/testing`. */
import { provideHouseModules } from './house-modules.ts';

provideHouseModules();
