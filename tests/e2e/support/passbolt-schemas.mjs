// passbolt-schemas.mjs — Passbolt's own browser extension, from its package: what it thinks of our answers, and its services,
// which log in and manage groups against a server that is really there.
//
// The extension runs in a browser. What it needs of one (cookies, a store, locks, fetch with cookies) is here and small;
// everything else, OpenPGP included, is the package's. Its sources are loaded as they are (passbolt-extension-hooks.mjs).
import { AsyncLocalStorage } from 'node:async_hooks';
import { webcrypto } from 'node:crypto';
import { register } from 'node:module';

register('./passbolt-extension-hooks.mjs', import.meta.url);

// --- a browser ---

/* Whose extension is running. */
const browsers = new AsyncLocalStorage();

class Browser {
    cookies = new Map();
    store = new Map();
    requests = []; // [{ method, target, body, status }]

    async fetch(url, options) {
        const headers = new Headers(options.headers);
        const cookies = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
        if (cookies) headers.set('Cookie', cookies);
        const response = await fetch(url, { ...options, headers });
        for (const text of response.headers.getSetCookie()) {
            const [, name, value] = /^([^=]+)=([^;]*)/.exec(text);
            if (/; *max-age=0|; *expires=thu, 01.jan.1970/i.test(text)) this.cookies.delete(name);
            else this.cookies.set(name, value);
        }
        const { pathname, search } = new URL(url);
        const request = { method: options.method, target: pathname + search, body: options.body, status: response.status };
        this.requests.push(request);
        return response;
    }

    cookie(name) {
        return this.cookies.has(name) ? { name, value: this.cookies.get(name) } : null;
    }
}

const storage = {
    get: async (key) => {
        const { store } = browsers.getStore();
        return store.has(key) ? { [key]: structuredClone(store.get(key)) } : {};
    },
    set: async (items) => {
        for (const [key, value] of Object.entries(items)) browsers.getStore().store.set(key, structuredClone(value));
    },
    remove: async (key) => void browsers.getStore().store.delete(key),
};

globalThis.self = globalThis;
globalThis.crypto ??= webcrypto; // node 18
globalThis.browser = {
    storage: { local: storage, session: storage },
    cookies: { get: async ({ name }) => browsers.getStore().cookie(name) },
    runtime: {},
};
globalThis.chrome = globalThis.browser;
globalThis.customApiClientFetch = (url, options) => browsers.getStore().fetch(url, options);
if (!globalThis.navigator?.locks) {
    const locks = { request: async (name, ...rest) => rest.at(-1)({ name }) };
    Object.defineProperty(globalThis, 'navigator', { value: { onLine: true, locks }, configurable: true });
}

// --- what of the extension is used ---

const EXTENSION = 'passbolt-browser-extension/src/all/background_page';
const SHARED = 'passbolt-styleguide/src/shared';

const load = async (path) => (await import(`${path}.js`)).default;

const AccountEntity = await load(`${EXTENSION}/model/entity/account/accountEntity`);
const AuthLogoutService = await load(`${SHARED}/services/api/auth/AuthLogoutService`);
const AuthVerifyLoginChallengeService = await load(`${EXTENSION}/service/auth/authVerifyLoginChallengeService`);
const AuthVerifyServerChallengeService = await load(`${EXTENSION}/service/auth/authVerifyServerChallengeService`);
const AuthVerifyServerKeyService = await load(`${EXTENSION}/service/api/auth/authVerifyServerKeyService`);
const CreateGroupService = await load(`${EXTENSION}/service/group/createGroupService`);
const FindAndUpdateGroupsLocalStorageService = await load(`${EXTENSION}/service/group/findAndUpdateGroupsLocalStorageService`);
const FindGroupsService = await load(`${EXTENSION}/service/group/findGroupsService`);
const FindUsersService = await load(`${EXTENSION}/service/user/findUsersService`);
const GenerateGpgKeyPairService = await load(`${EXTENSION}/service/crypto/generateGpgKeyPairService`);
const GetGpgKeyInfoService = await load(`${EXTENSION}/service/crypto/getGpgKeyInfoService`);
const GenerateOptionsEntity = await load(`${EXTENSION}/model/entity/gpgkey/generate/generateGpgKeyPairOptionsEntity`);
const GroupApiService = await load(`${EXTENSION}/service/api/group/groupApiService`);
const GroupModel = await load(`${EXTENSION}/model/group/groupModel`);
const GroupUpdateService = await load(`${EXTENSION}/service/group/groupUpdateService`);
const OrganizationSettingsService = await load(`${EXTENSION}/service/api/organizationSettings/organizationSettingsService`);
const UserService = await load(`${EXTENSION}/service/api/user/userService`);
const { ApiClientOptions } = await import(`${SHARED}/lib/apiClient/apiClientOptions.js`);
const { OpenpgpAssertion } = await import(`${EXTENSION}/utils/openpgp/openpgpAssertions.js`);

export const GroupEntity = await load(`${EXTENSION}/model/entity/group/groupEntity`);
export const GroupUpdateDryRunResultEntity = await load(`${EXTENSION}/model/entity/group/update/groupUpdateDryRunResultEntity`);
export const OrganizationSettingsEntity = await load(`${EXTENSION}/model/entity/organizationSettings/organizationSettingsEntity`);
export const UserEntity = await load(`${EXTENSION}/model/entity/user/userEntity`);

const GroupsCollection = await load(`${EXTENSION}/model/entity/group/groupsCollection`);
const UsersCollection = await load(`${EXTENSION}/model/entity/user/usersCollection`);

// --- what it thinks of an answer ---

/* Runs a validator of the extension and tells every complaint of it. */
function judge(validate) {
    try {
        return validate();
    } catch (error) {
        const details = error.details ? `: ${JSON.stringify(error.details)}` : '';
        throw new Error(`the extension refuses it: ${error.message}${details}`, { cause: error });
    }
}

/* Bodies of answers: the extension must find nothing wrong with any of what is in them. They give its own objects. */
export const asGroup = (body) => judge(() => new GroupEntity(body));
export const asGroups = (body) => judge(() => new GroupsCollection(body));
export const asUser = (body) => judge(() => new UserEntity(body));
export const asUsers = (body) => judge(() => new UsersCollection(body));
export const asSettings = (body) => judge(() => new OrganizationSettingsEntity(body));
export const asUpdateDryRun = (body) => judge(() => new GroupUpdateDryRunResultEntity(body));

// --- its services ---

export const PASSPHRASE = 'a long passphrase of a person';

/* A key pair as the extension makes one when somebody signs up: { publicKey, secretKey, fingerprint }. `type`: "rsa", "ecc". */
export async function generateKey(name, email, type) {
    const options = new GenerateOptionsEntity({ name, email, type, passphrase: PASSPHRASE });
    const pair = await GenerateGpgKeyPairService.generateKeyPair(options);
    const { public_key, private_key } = pair.toDto({ public_key: true, private_key: true });
    const info = await GetGpgKeyInfoService.getKeyInfo(await OpenpgpAssertion.readKeyOrFail(public_key.armored_key));
    return {
        publicKey: public_key.armored_key,
        secretKey: private_key.armored_key,
        fingerprint: info.fingerprint.toUpperCase(),
    };
}

/* The progress that the extension would show in a window. */
const progress = { start() {}, finishStep() {}, finishSteps() {}, updateStepMessage() {} };

/* Somebody's browser with the extension in it: `person` has id, email, firstName, lastName, and a key of `generateKey`. Each
 * function is what the extension does when the person presses a button. */
export class Extension {
    constructor(url, person) {
        this.url = url;
        this.person = person;
        this.browser = new Browser();
    }

    #run(action) {
        return browsers.run(this.browser, action);
    }

    #options() {
        return new ApiClientOptions().setBaseUrl(this.url);
    }

    get requests() {
        return this.browser.requests;
    }

    /* Asks for the server's key, lets the server prove that it has it, logs in, and gets what the page begins with. */
    logIn() {
        const { fingerprint, secretKey } = this.person;
        return this.#run(async () => {
            this.serverKey = await new AuthVerifyServerKeyService(this.#options()).getServerKey();
            const verifying = new AuthVerifyServerChallengeService(this.#options());
            await verifying.verifyAndValidateServerChallenge(fingerprint, this.serverKey.armored_key);
            const login = new AuthVerifyLoginChallengeService(this.#options());
            await login.verifyAndValidateLoginChallenge(fingerprint, secretKey, PASSPHRASE);
            await new UserService(this.#options()).keepSessionAlive();
            this.account = this.#makeAccount();
            return this.serverKey;
        });
    }

    #makeAccount() {
        return new AccountEntity({
            domain: this.url,
            user_id: this.person.id,
            username: this.person.email,
            first_name: this.person.firstName,
            last_name: this.person.lastName,
            user_public_armored_key: this.person.publicKey,
            user_private_armored_key: this.person.secretKey,
            server_public_armored_key: this.serverKey.armored_key,
            security_token: { code: 'ABC', color: '#000000', textcolor: '#FFFFFF' },
        });
    }

    logOut() {
        return this.#run(() => new AuthLogoutService(this.#options()).logout());
    }

    settings() {
        return this.#run(() => new OrganizationSettingsService(this.#options()).find());
    }

    /* The groups as the extension keeps them; it leaves out without a word what it does not understand. */
    refreshGroups() {
        const service = () => new FindAndUpdateGroupsLocalStorageService(this.account, this.#options());
        return this.#run(() => service().findAndUpdateAll());
    }

    findGroups(contains, filters) {
        return this.#run(() => new FindGroupsService(this.#options()).findAll(contains, filters, null, false));
    }

    findUsers(contains) {
        return this.#run(() => new FindUsersService(this.account, this.#options()).findAll(contains));
    }

    getGroup(id) {
        return this.#run(() => new GroupApiService(this.#options()).get(id));
    }

    createGroup(group) {
        return this.#run(() => new CreateGroupService(this.#options(), this.account).create(new GroupEntity(group)));
    }

    /* The group as it shall be, of which the extension finds out itself what has changed. `refreshGroups` came before. */
    saveGroup(group) {
        const service = () => new GroupUpdateService(this.#options(), this.account, progress);
        return this.#run(() => service().exec(new GroupEntity(group), PASSPHRASE));
    }

    /* What the server would need for the change. */
    simulateUpdate(id, change) {
        return this.#run(() => new GroupApiService(this.#options()).updateDryRun(id, change));
    }

    deleteGroup(id) {
        return this.#run(async () => {
            const model = new GroupModel(this.#options(), this.account);
            await model.deleteDryRun(id);
            await model.delete(id);
        });
    }
}
