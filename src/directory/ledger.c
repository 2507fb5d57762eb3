#include "directory/ledger.h"

#include "base/memory.h"

/* --- what was changed --- */

enum undo_kind { NUMBER_ADDED, NUMBER_REMOVED, HASH_ADDED, HASH_CHANGED, FLAG_CHANGED };

struct undo_entry {
    enum undo_kind kind;
    void *in;      /* which set, map or flag */
    int64_t key;   /* the number or hash */
    int64_t value; /* what the hash or the flag had before */
};

static void note(struct ledger_undo *undo, enum undo_kind kind, void *in, int64_t key, int64_t value)
{
    if (!undo) return;
    undo->entries = memory_grow(undo->entries, undo->count, &undo->capacity, sizeof *undo->entries);
    undo->entries[undo->count++] = (struct undo_entry){ kind, in, key, value };
}

/* --- numbers --- */

/* The first range that ends at or after the number. */
static size_t find_range(const struct number_set *set, int64_t number)
{
    if (set->count && set->ranges[set->count - 1].last < number) return set->count; /* files come in order */
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < number) low = middle + 1;
        else high = middle;
    }
    return low;
}

static void insert_range(struct number_set *set, size_t at, int64_t first, int64_t last)
{
    set->ranges = memory_grow(set->ranges, set->count, &set->capacity, sizeof *set->ranges);
    memmove(&set->ranges[at + 1], &set->ranges[at], (set->count - at) * sizeof *set->ranges);
    set->ranges[at] = (struct number_range){ first, last };
    set->count++;
}

static void remove_range(struct number_set *set, size_t at)
{
    memmove(&set->ranges[at], &set->ranges[at + 1], (set->count - at - 1) * sizeof *set->ranges);
    set->count--;
}

static void add_number(struct number_set *set, size_t at, int64_t number)
{
    bool joins_before = at > 0 && set->ranges[at - 1].last + 1 == number;
    bool joins_after = at < set->count && set->ranges[at].first == number + 1;
    if (joins_before && joins_after) {
        set->ranges[at - 1].last = set->ranges[at].last;
        remove_range(set, at);
    } else if (joins_before) {
        set->ranges[at - 1].last = number;
    } else if (joins_after) {
        set->ranges[at].first = number;
    } else {
        insert_range(set, at, number, number);
    }
}

void number_set_add(struct number_set *set, int64_t number)
{
    size_t at = find_range(set, number);
    if (at < set->count && set->ranges[at].first <= number) return;
    note(set->undo, NUMBER_ADDED, set, number, 0);
    add_number(set, at, number);
}

void number_set_remove(struct number_set *set, int64_t number)
{
    size_t at = find_range(set, number);
    if (at == set->count || set->ranges[at].first > number) return;
    note(set->undo, NUMBER_REMOVED, set, number, 0);
    struct number_range range = set->ranges[at];
    remove_range(set, at);
    if (number < range.last) insert_range(set, at, number + 1, range.last);
    if (range.first < number) insert_range(set, at, range.first, number - 1);
}

bool number_set_has(const struct number_set *set, int64_t number)
{
    size_t at = find_range(set, number);
    return at < set->count && set->ranges[at].first <= number;
}

void number_set_free(struct number_set *set)
{
    free(set->ranges);
    *set = (struct number_set){ 0 };
}

/* --- names --- */

/* Where the hash is, or would be. */
static struct hash_entry *find_entry(const struct hash_map *map, uint64_t hash)
{
    size_t at = hash & (map->capacity - 1);
    while (map->entries[at].hash && map->entries[at].hash != hash) at = (at + 1) & (map->capacity - 1);
    return &map->entries[at];
}

void hash_map_learn(struct hash_map *map, uint64_t hash, int64_t value)
{
    if (hash == 0) hash = 1;
    if (map->used * 3 >= map->capacity * 2) {
        struct hash_map old = *map;
        map->capacity = old.capacity ? old.capacity * 2 : 64;
        map->entries = memory_zalloc(map->capacity * sizeof *map->entries);
        map->used = 0;
        for (size_t i = 0; i < old.capacity; i++)
            if (old.entries[i].hash) hash_map_learn(map, old.entries[i].hash, old.entries[i].value);
        free(old.entries);
    }
    struct hash_entry *entry = find_entry(map, hash);
    if (!entry->hash) map->used++;
    *entry = (struct hash_entry){ hash, value };
}

void hash_map_put(struct hash_map *map, uint64_t hash, int64_t value)
{
    if (map->undo) {
        int64_t before = 0;
        bool had = hash_map_get(map, hash, &before);
        note(map->undo, had ? HASH_CHANGED : HASH_ADDED, map, (int64_t)hash, before);
    }
    hash_map_learn(map, hash, value);
}

/* Entries behind it move up, where they are not yet where their hash would have them. */
static void remove_hash(struct hash_map *map, uint64_t hash)
{
    const size_t mask = map->capacity - 1;
    if (hash == 0) hash = 1;
    size_t hole = (size_t)(find_entry(map, hash) - map->entries);
    for (size_t at = (hole + 1) & mask; map->entries[at].hash; at = (at + 1) & mask) {
        size_t moved = (at - map->entries[at].hash) & mask; /* from where its hash would have it */
        if (moved < ((at - hole) & mask)) continue;
        map->entries[hole] = map->entries[at];
        hole = at;
    }
    map->entries[hole] = (struct hash_entry){ 0 };
    map->used--;
}

bool hash_map_get(const struct hash_map *map, uint64_t hash, int64_t *ret_value)
{
    if (!map->capacity) return false;
    if (hash == 0) hash = 1;
    for (size_t at = hash & (map->capacity - 1); map->entries[at].hash; at = (at + 1) & (map->capacity - 1)) {
        if (map->entries[at].hash != hash) continue;
        *ret_value = map->entries[at].value;
        return true;
    }
    return false;
}

void hash_map_free(struct hash_map *map)
{
    free(map->entries);
    *map = (struct hash_map){ 0 };
}

bool hash_set_add(struct hash_set *set, uint64_t hash)
{
    if (hash == 0) hash = 1;
    if (set->used * 3 >= set->capacity * 2) {
        struct hash_set old = *set;
        *set = (struct hash_set){ .capacity = old.capacity ? old.capacity * 2 : 64 };
        set->hashes = memory_zalloc(set->capacity * sizeof *set->hashes);
        for (size_t i = 0; i < old.capacity; i++)
            if (old.hashes[i]) hash_set_add(set, old.hashes[i]);
        free(old.hashes);
    }
    size_t at = hash & (set->capacity - 1);
    for (; set->hashes[at]; at = (at + 1) & (set->capacity - 1))
        if (set->hashes[at] == hash) return false;
    set->hashes[at] = hash;
    set->used++;
    return true;
}

void hash_set_free(struct hash_set *set)
{
    free(set->hashes);
    *set = (struct hash_set){ 0 };
}

/* --- organizations --- */

void ledger_open(struct ledger *ledger)
{
    ledger->accounts.undo = ledger->deleted_accounts.undo = &ledger->installation_undo;
    ledger->users.undo = ledger->groups.undo = ledger->accounts_used.undo = &ledger->undo;
}

static size_t find_place(const struct ledger *ledger, int64_t organization_id)
{
    size_t low = 0, high = ledger->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ledger->organizations[middle]->id < organization_id) low = middle + 1;
        else high = middle;
    }
    return low;
}

struct ledger_organization *ledger_find(struct ledger *ledger, int64_t organization_id)
{
    size_t at = find_place(ledger, organization_id);
    return at < ledger->count && ledger->organizations[at]->id == organization_id ? ledger->organizations[at] : NULL;
}

struct ledger_organization *ledger_add(struct ledger *ledger, int64_t organization_id)
{
    size_t at = find_place(ledger, organization_id);
    ledger->organizations = memory_grow(ledger->organizations, ledger->count, &ledger->capacity, sizeof *ledger->organizations);
    memmove(&ledger->organizations[at + 1], &ledger->organizations[at], (ledger->count - at) * sizeof *ledger->organizations);
    struct ledger_organization *organization = memory_zalloc(sizeof *organization);
    organization->id = organization_id;
    organization->unique_group_names = true;
    organization->users.undo = organization->groups.undo = &ledger->undo;
    organization->deleted_users.undo = organization->deleted_groups.undo = &ledger->undo;
    organization->names.undo = organization->names_of.undo = &ledger->undo;
    ledger->organizations[at] = organization;
    ledger->count++;
    return organization;
}

static void forget_organization(struct ledger_organization *organization)
{
    if (organization->by_file) free((char *)organization->by_file->name);
    free(organization->by_file);
    organization->by_file = NULL;
}

void ledger_note_organization(struct ledger_organization *organization, const struct organization *by_file)
{
    struct organization *copy = memory_alloc(sizeof *copy);
    *copy = *by_file;
    copy->name = memory_strdup(by_file->name);
    forget_organization(organization);
    organization->by_file = copy;
}

void ledger_forget_credentials(struct ledger_organization *organization)
{
    organization->credential_count = 0;
    arena_reset(&organization->credential_texts);
    organization->credentials_loaded = false;
    organization->forgotten = true;
}

void ledger_forget_pending(struct ledger_organization *organization)
{
    nesting_free(&organization->nestings);
    organization->nestings_loaded = false;
    organization->refused = true;
    ledger_forget_credentials(organization);
}

void ledger_set_flag(struct ledger *ledger, bool *flag, bool value)
{
    note(&ledger->installation_undo, FLAG_CHANGED, flag, 0, *flag);
    *flag = value;
}

void ledger_free(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        struct ledger_organization *organization = ledger->organizations[i];
        number_set_free(&organization->users);
        number_set_free(&organization->groups);
        number_set_free(&organization->deleted_users);
        number_set_free(&organization->deleted_groups);
        hash_map_free(&organization->names);
        hash_map_free(&organization->names_of);
        nesting_free(&organization->nestings);
        forget_organization(organization);
        free(organization->credentials);
        arena_free(&organization->credential_texts);
        free(organization);
    }
    free(ledger->organizations);
    number_set_free(&ledger->accounts);
    number_set_free(&ledger->deleted_accounts);
    number_set_free(&ledger->users);
    number_set_free(&ledger->groups);
    hash_set_free(&ledger->uuids);
    hash_set_free(&ledger->secrets);
    number_set_free(&ledger->accounts_used);
    free(ledger->undo.entries);
    free(ledger->installation_undo.entries);
    *ledger = (struct ledger){ 0 };
}

/* --- taking back --- */

static void take_back(const struct undo_entry *entry)
{
    switch (entry->kind) {
    case NUMBER_ADDED:
        number_set_remove(entry->in, entry->key);
        break;
    case NUMBER_REMOVED:
        number_set_add(entry->in, entry->key);
        break;
    case HASH_ADDED:
        remove_hash(entry->in, (uint64_t)entry->key);
        break;
    case HASH_CHANGED:
        hash_map_learn(entry->in, (uint64_t)entry->key, entry->value);
        break;
    case FLAG_CHANGED:
        *(bool *)entry->in = entry->value;
        break;
    }
}

/* Taking back notes what it does as well, behind what it takes back: that is left out. */
static void undo_from(struct ledger_undo *undo, size_t first)
{
    while (undo->count > first) {
        size_t last = undo->count - 1;
        struct undo_entry entry = undo->entries[last];
        take_back(&entry);
        undo->count = last;
    }
}

void ledger_keep(struct ledger *ledger)
{
    ledger->undo.count = ledger->undo.line = 0;
    ledger_keep_installation(ledger);
}

void ledger_keep_installation(struct ledger *ledger)
{
    ledger->installation_undo.count = ledger->installation_undo.line = 0;
}

void ledger_undo(struct ledger *ledger)
{
    undo_from(&ledger->undo, 0);
    undo_from(&ledger->installation_undo, 0);
    ledger_keep(ledger);
}

void ledger_begin_line(struct ledger *ledger)
{
    ledger->undo.line = ledger->undo.count;
    ledger->installation_undo.line = ledger->installation_undo.count;
}

void ledger_undo_line(struct ledger *ledger)
{
    undo_from(&ledger->undo, ledger->undo.line);
    undo_from(&ledger->installation_undo, ledger->installation_undo.line);
}
