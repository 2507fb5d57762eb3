// A client in Python (tests/clients/passbolt_client.py: requests and PGPy, as Debian has them) logs in to a Roster and manages
// groups, with keys that PGPy and GnuPG made.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makePerson, passboltWorld, userId } from './support/passbolt.mjs';
import { Roster, ROOT } from './support/roster.mjs';

/* Debian's own, which has Debian's packages, whatever else is on the PATH. */
const PYTHON = '/usr/bin/python3';
const CLIENT = path.join(ROOT, 'tests/clients/passbolt_client.py');

/* Runs the client: its standard output; if it fails, what it said. */
function python(...args) {
    return new Promise((resolve, reject) => {
        execFile(PYTHON, [CLIENT, ...args], (error, stdout, stderr) =>
            error ? reject(new Error(`passbolt_client.py ${args.join(' ')}:\n${stderr}`)) : resolve(stdout),
        );
    });
}

/* Who has a key from where. */
const MAKERS = {
    ada: { by: 'PGPy', algorithm: 'rsa' },
    max: { by: 'PGPy', algorithm: 'ed25519' },
    mia: { by: 'GnuPG', algorithm: 'ed25519' },
    nils: { by: 'GnuPG', algorithm: 'rsa3072' },
};

const places = new Roster(); // whose directory has the keys

/* Writes the secret key to a file and gives { publicKey, file }. */
async function makeKey(name) {
    const { by, algorithm } = MAKERS[name];
    if (by === 'PGPy') {
        const file = places.file(`${name}.asc`);
        return { file, publicKey: await python('new-key', algorithm, name, `${name}@example.org`, file) };
    }
    const { keyring, fingerprint, publicKey } = await makePerson(name, { algorithm });
    return { publicKey, file: places.file(`${name}.asc`, await keyring.secretKey(fingerprint)) };
}

const names = Object.keys(MAKERS);
let keys; // by name
before(async () => {
    const made = await Promise.all(names.map(makeKey));
    keys = Object.fromEntries(names.map((name, i) => [name, made[i]]));
});

const flows = execFileSync(PYTHON, [CLIENT, 'flows'], { encoding: 'utf8' }).trim().split('\n');

/* JWT came with release 3. */
const flowsOf = (profile) => flows.filter((name) => profile === 5 || !name.includes('jwt'));

for (const profile of [5, 2])
    describe(`a Python client with profile ${profile}`, () => {
        const roster = new Roster();
        let world;

        before(async () => {
            await roster.import(passboltWorld(keys));
            await roster.serve(['--passbolt.profile', String(profile)]);
            const people = names.map((name, i) => [name, { id: userId(i + 1), key: keys[name].file }]);
            world = roster.file('world.json', JSON.stringify({ url: roster.url, profile, people: Object.fromEntries(people) }));
        });
        after(() => roster.stop());

        it('has flows', () => assert.ok(flowsOf(profile).length >= 10));

        for (const name of flowsOf(profile)) it(name.replaceAll('_', ' '), () => python('run', name, world));
    });
