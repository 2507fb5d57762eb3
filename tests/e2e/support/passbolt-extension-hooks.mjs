// passbolt-extension-hooks.mjs — lets node load the sources of Passbolt's browser extension as they are in its package: modules
// that are meant for a bundler. What they import need not say `.js`, and a `.js` file of theirs, or one that they take from the
// package of validators, is a module.
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';

const SOURCES = /\/node_modules\/passbolt-(browser-extension|styleguide)\/.*\.(js|json)$/;
const MODULES = /\/node_modules\/(passbolt-(browser-extension|styleguide)|validator\/es)\/.*\.(js|json)$/;

/* Instead of libraries that would get translations over the network: every text is its own. */
const UNTRANSLATED = `data:text/javascript,${encodeURIComponent(`
    const itself = { use: () => itself, init() {}, t: (text) => text };
    export const createInstance = () => itself;
    export default itself;
`)}`;

export async function resolve(specifier, context, next) {
    if (!SOURCES.test(context.parentURL ?? '') || /\.js(on)?$/.test(specifier)) return next(specifier, context);
    if (specifier.startsWith('i18next')) return next(UNTRANSLATED, context);
    return next(specifier.includes('/') ? `${specifier}.js` : specifier, context);
}

export async function load(url, context, next) {
    if (!MODULES.test(url)) return next(url, context);
    const text = fs.readFileSync(fileURLToPath(url), 'utf8');
    const source = url.endsWith('.json') ? `export default ${text}` : text;
    return { format: 'module', source, shortCircuit: true };
}
