#include "directory/ledger.h"

#include "base/memory.h"

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

void number_set_add(struct number_set *set, int64_t number)
{
    size_t at = find_range(set, number);
    if (at < set->count && set->ranges[at].first <= number) return;
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

void number_set_remove(struct number_set *set, int64_t number)
{
    size_t at = find_range(set, number);
    if (at == set->count || set->ranges[at].first > number) return;
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

void hash_map_put(struct hash_map *map, uint64_t hash, int64_t value)
{
    if (hash == 0) hash = 1;
    if (map->used * 3 >= map->capacity * 2) {
        struct hash_map old = *map;
        map->capacity = old.capacity ? old.capacity * 2 : 64;
        map->entries = memory_zalloc(map->capacity * sizeof *map->entries);
        map->used = 0;
        for (size_t i = 0; i < old.capacity; i++)
            if (old.entries[i].hash) hash_map_put(map, old.entries[i].hash, old.entries[i].value);
        free(old.entries);
    }
    size_t at = hash & (map->capacity - 1);
    while (map->entries[at].hash && map->entries[at].hash != hash) at = (at + 1) & (map->capacity - 1);
    if (!map->entries[at].hash) map->used++;
    map->entries[at] = (struct hash_entry){ hash, value };
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
    ledger_forget_credentials(organization);
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
    *ledger = (struct ledger){ 0 };
}
