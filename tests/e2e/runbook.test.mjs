// docs/runbook.md quotes the log: each line in it must be one that the program can print, as the texts in its source have it.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { ROOT } from './support/roster.mjs';

const LITERALS = /(?:"(?:[^"\\\n]|\\.)*"\s*)+/g;
const LEAST = 10; // letters of a text of its own: "%s: %s" fits everything

/* The texts that are formats or sentences, literals that stand side by side joined. */
function textsOf(file) {
    const source = fs.readFileSync(file, 'utf8').replaceAll(/^#include.*$/gm, '');
    return [...source.matchAll(LITERALS)].map(([literals]) =>
        [...literals.matchAll(/"((?:[^"\\\n]|\\.)*)"/g)].map(([, text]) => text).join('').replaceAll('\\"', '"'),
    );
}

const sources = fs.readdirSync(path.join(ROOT, 'src'), { recursive: true }).filter((name) => name.endsWith('.c'));
const texts = sources.flatMap((name) => textsOf(path.join(ROOT, 'src', name)));
const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
const PLACE = /%(?:\.\*)?(?:l|ll|z)?[sdu]/;
const patterns = texts
    .filter((text) => text.split(PLACE).join('').length >= LEAST)
    .map((text) => new RegExp(`^${text.replaceAll('%%', '%').split(PLACE).map(escape).join('(.*)')}$`));

/* Is it printed somewhere? What a text is filled with is one itself, or of the engine or the system: a name, a number, its words. */
const isPrinted = (line) => patterns.some((pattern) => pattern.test(line));

const runbook = fs.readFileSync(path.join(ROOT, 'docs/runbook.md'), 'utf8');
const blocks = [...runbook.matchAll(/^```(\w*)\n(.*?)^```$/gms)] // those with a language are commands
    .filter(([, language]) => !language)
    .flatMap(([, , block]) => block.trimEnd().split('\n'));
const rows = [...runbook.matchAll(/^\| `([^`]+)` \|/gm)].map(([, line]) => line);

describe('the runbook quotes', () => {
    it('a few lines', () => assert.ok(blocks.length > 15 && rows.length > 3));
    for (const line of [...blocks, ...rows])
        it(line.slice(0, 100), () => {
            const message = line.replace(/^(?:error|warn |info |roster:) /, '');
            const [, inner] = /^request [0-9a-f-]{36}: (.*)$/.exec(message) ?? [];
            for (const text of inner ? [message, inner] : [message]) assert.ok(isPrinted(text), `nothing in src/ prints: ${text}`);
        });
    it('and a line that nobody prints is noticed', () => assert.ok(!isPrinted('the moon cannot be followed')));
});
