/* openpgp_packets.c — the outline of a key or a message: its packets' headers and the first octets of some, no cryptography.
 *
 * The library reads anything and works for as long as it takes. What is looked at here, before it, is what bounds that work and
 * what has to be the same for every version of the library. RFC 4880: 4.2 headers, 5.1 session keys, 5.5.2 key packets,
 * 11.1 and 11.3 how packets follow each other. */
#include "auth/openpgp_parts.h"

#include "base/fold.h"

#include <string.h>

enum {
    USER_IDS_MAX = 32,
    SIGNATURES_MAX = 100,         /* each of the key itself is checked whenever the key is read */
    SIGNATURE_SIZE_MAX = 4 << 10, /* signatures may contain signatures, which the library reads recursively */
    RECIPIENTS_MAX = 8,
    RSA_BITS_MIN = 2048,
    RSA_BITS_MAX = 8192,
    RSA_EXPONENT_BITS_MAX = 32,
};

struct packet {
    int tag;
    const uint8_t *body; /* NULL if it is in parts */
    size_t size;
};

struct packets {
    const uint8_t *at, *end;
};

static bool take(struct packets *packets, size_t count, size_t *ret_number)
{
    if ((size_t)(packets->end - packets->at) < count) return false;
    *ret_number = 0;
    while (count--) *ret_number = *ret_number << 8 | *packets->at++;
    return true;
}

static bool skip(struct packets *packets, size_t size)
{
    if ((size_t)(packets->end - packets->at) < size) return false;
    packets->at += size;
    return true;
}

/* A length of the new format; `ret_partial` if more parts follow this one. */
static bool take_length(struct packets *packets, size_t *ret_size, bool *ret_partial)
{
    size_t first, second;
    *ret_partial = false;
    if (!take(packets, 1, &first)) return false;
    if (first < 192) {
        *ret_size = first;
        return true;
    }
    if (first < 224) {
        if (!take(packets, 1, &second)) return false;
        *ret_size = ((first - 192) << 8) + second + 192;
        return true;
    }
    if (first == 255) return take(packets, 4, ret_size);
    *ret_partial = true;
    *ret_size = (size_t)1 << (first & 31);
    return true;
}

static bool next_new(struct packets *packets, struct packet *ret_packet)
{
    bool partial;
    if (!take_length(packets, &ret_packet->size, &partial)) return false;
    if (!partial) {
        ret_packet->body = packets->at;
        return skip(packets, ret_packet->size);
    }
    ret_packet->body = NULL;
    for (size_t size = ret_packet->size;;) {
        if (!skip(packets, size)) return false;
        if (!partial) return true;
        if (!take_length(packets, &size, &partial)) return false;
    }
}

/* The next packet; false if there is none that is whole. */
static bool next_packet(struct packets *packets, struct packet *ret_packet)
{
    size_t header;
    if (!take(packets, 1, &header) || !(header & 0x80)) return false;
    if (header & 0x40) {
        ret_packet->tag = (int)(header & 0x3f);
        return next_new(packets, ret_packet);
    }
    ret_packet->tag = (int)(header >> 2 & 0xf);
    if ((header & 3) == 3) { /* until the end */
        ret_packet->body = NULL;
        ret_packet->size = (size_t)(packets->end - packets->at);
        return skip(packets, ret_packet->size);
    }
    if (!take(packets, (size_t)1 << (header & 3), &ret_packet->size)) return false;
    ret_packet->body = packets->at;
    return skip(packets, ret_packet->size);
}

enum err packets_dearmor(struct op *op, const char *field, const char *text, size_t size, size_t limit, uint8_t **ret_bytes,
                         size_t *ret_size)
{
    if (size > limit) return op_fail(op, ERR_INVALID, field, "the %s is longer than %zu bytes", field, limit);
    AUTO_INPUT input = NULL;
    AUTO_OUTPUT output = NULL;
    rnp_result_t result = rnp_output_to_memory(&output, limit);
    if (result) return library_failed(op, "making an output", result);
    result = size ? rnp_input_from_memory(&input, (const uint8_t *)text, size, false) : RNP_ERROR_BAD_FORMAT;
    if (!result) result = rnp_dearmor(input, output);
    if (result) return op_fail(op, ERR_INVALID, field, "the %s is not an armored OpenPGP block", field);
    *ret_bytes = (uint8_t *)output_take(op, output, ret_size);
    return ERR_OK;
}

static enum err bad_key(struct op *op, const char *text)
{
    return op_fail(op, ERR_INVALID, "key", "%s", text);
}

/* Goes past a number and tells how many bits it has. */
static bool skip_number(struct packets *fields, size_t *ret_bits)
{
    return take(fields, 2, ret_bits) && skip(fields, (*ret_bits + 7) / 8);
}

static enum err check_rsa(struct op *op, struct packets *fields, uint32_t *ret_bits)
{
    size_t bits, exponent_bits;
    if (!skip_number(fields, &bits) || !skip_number(fields, &exponent_bits)) return bad_key(op, "the key is damaged");
    if (bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || exponent_bits > RSA_EXPONENT_BITS_MAX)
        return op_fail(op, ERR_INVALID, "key",
                       "the key has an RSA part of %zu bits with an exponent of %zu; accepted are %d to %d, and %d", bits,
                       exponent_bits, RSA_BITS_MIN, RSA_BITS_MAX, RSA_EXPONENT_BITS_MAX);
    *ret_bits = (uint32_t)bits;
    return ERR_OK;
}

static enum err check_key_packet(struct op *op, const struct packet *packet, uint8_t *ret_algorithm, uint32_t *ret_rsa_bits)
{
    struct packets fields = { packet->body, packet->body + packet->size };
    size_t version, created, algorithm;
    if (!take(&fields, 1, &version)) return bad_key(op, "the key is damaged");
    if (version != 4)
        return op_fail(op, ERR_INVALID, "key", "the key has a part of version %zu; only version 4 is accepted", version);
    if (!take(&fields, 4, &created) || !take(&fields, 1, &algorithm)) return bad_key(op, "the key is damaged");
    *ret_algorithm = (uint8_t)algorithm;
    *ret_rsa_bits = 0;
    switch (algorithm) {
    case ALGORITHM_RSA:
    case ALGORITHM_RSA_ENCRYPT:
    case ALGORITHM_RSA_SIGN:
        return check_rsa(op, &fields, ret_rsa_bits);
    case ALGORITHM_ECDH:
    case ALGORITHM_ECDSA:
    case ALGORITHM_EDDSA:
        return ERR_OK;
    case 16:
    case 17:
    case 20:
        return bad_key(op, "the key has a DSA or ElGamal part; accepted are RSA and elliptic curves");
    default:
        return op_fail(op, ERR_INVALID, "key", "the key has a part of algorithm %zu, which is not accepted", algorithm);
    }
}

static enum err check_user_id(struct op *op, const struct packet *packet, const char **ret_text)
{
    const char *text = (const char *)packet->body;
    if (packet->size == 0 || packet->size > OPENPGP_USER_ID_LIMIT)
        return op_fail(op, ERR_INVALID, "key", "the key's user id is not of 1 to %d bytes", OPENPGP_USER_ID_LIMIT);
    bool clean = utf8_is_valid(text, packet->size);
    for (size_t i = 0; i < packet->size; i++) clean = clean && packet->body[i] >= ' ' && packet->body[i] != 0x7f;
    if (!clean) return bad_key(op, "the key's user id is not UTF-8, or has control characters");
    *ret_text = arena_strndup(&op->arena, text, packet->size);
    return ERR_OK;
}

struct counts {
    size_t subkeys, user_ids, signatures;
};

static enum err check_rest_packet(struct op *op, const struct packet *packet, bool secret, struct counts *counts,
                                  struct key_outline *outline)
{
    uint8_t algorithm;
    uint32_t bits;
    switch (packet->tag) {
    case TAG_SIGNATURE:
        if (packet->size > SIGNATURE_SIZE_MAX) return bad_key(op, "the key has a signature that is too long");
        counts->signatures++;
        return ERR_OK;
    case TAG_USER_ID:
        if (counts->user_ids++) return ERR_OK;
        return check_user_id(op, packet, &outline->user_id);
    case TAG_USER_ATTRIBUTE:
        counts->user_ids++;
        return ERR_OK;
    case TAG_TRUST:
        return ERR_OK;
    case TAG_PUBLIC_KEY:
    case TAG_SECRET_KEY:
        return bad_key(op, "the block has more than one key");
    case TAG_PUBLIC_SUBKEY:
    case TAG_SECRET_SUBKEY:
        if ((packet->tag == TAG_SECRET_SUBKEY) != secret) return bad_key(op, "the block mixes public and secret keys");
        counts->subkeys++;
        return check_key_packet(op, packet, &algorithm, &bits);
    default:
        return op_fail(op, ERR_INVALID, "key", "the block has a packet (%d) that does not belong to a key", packet->tag);
    }
}

enum err packets_check_key(struct op *op, const uint8_t *bytes, size_t size, bool secret, struct key_outline *ret_outline)
{
    struct packets packets = { bytes, bytes + size };
    struct packet packet;
    struct counts counts = { 0 };
    *ret_outline = (struct key_outline){ 0 };
    if (!next_packet(&packets, &packet) || !packet.body) return bad_key(op, "the block is not an OpenPGP key");
    if (packet.tag != TAG_PUBLIC_KEY && packet.tag != TAG_SECRET_KEY) return bad_key(op, "the block is not an OpenPGP key");
    if (secret && packet.tag == TAG_PUBLIC_KEY) return bad_key(op, "the key is a public key; the secret key is needed");
    if (!secret && packet.tag == TAG_SECRET_KEY) return bad_key(op, "the key is a secret key; only the public key may be given");
    enum err e = check_key_packet(op, &packet, &ret_outline->algorithm, &ret_outline->rsa_bits);

    while (!e && packets.at < packets.end) {
        if (!next_packet(&packets, &packet) || !packet.body) return bad_key(op, "the key is damaged");
        e = check_rest_packet(op, &packet, secret, &counts, ret_outline);
    }
    if (e) return e;
    if (!ret_outline->user_id) return bad_key(op, "the key has no user id");
    if (counts.subkeys > SUBKEYS_MAX || counts.user_ids > USER_IDS_MAX || counts.signatures > SIGNATURES_MAX)
        return op_fail(op, ERR_INVALID, "key",
                       "the key has more than %d subkeys, %d user ids or %d signatures: export it minimal", SUBKEYS_MAX,
                       USER_IDS_MAX, SIGNATURES_MAX);
    return ERR_OK;
}

static enum err bad_message(struct op *op, const char *text)
{
    return op_fail(op, ERR_INVALID, "message", "%s", text);
}

/* Whether a session key is for one of the keys. With another algorithm than that key's it is for none: the library would take
 * the key's numbers for those of the other algorithm. */
static bool is_for(const struct packet *packet, const struct reader_key *keys, size_t key_count)
{
    if (packet->size < 1 + KEY_ID_SIZE + 1 || packet->body[0] != 3) return false;
    uint8_t algorithm = packet->body[1 + KEY_ID_SIZE];
    bool is_rsa = algorithm == ALGORITHM_RSA || algorithm == ALGORITHM_RSA_ENCRYPT;
    if (!is_rsa && algorithm != ALGORITHM_ECDH) return false;
    for (size_t i = 0; i < key_count; i++)
        if (memcmp(packet->body + 1, keys[i].id, KEY_ID_SIZE) == 0 && is_rsa == keys[i].is_rsa) return true;
    return false;
}

enum err packets_check_message(struct op *op, const uint8_t *bytes, size_t size, const struct reader_key *keys, size_t key_count)
{
    struct packets packets = { bytes, bytes + size };
    struct packet packet;
    size_t session_keys = 0, ours = 0;
    while (packets.at < packets.end) {
        if (!next_packet(&packets, &packet)) return bad_message(op, "the message is damaged");
        switch (packet.tag) {
        case TAG_SESSION_KEY:
            if (!packet.body) return bad_message(op, "the message is damaged");
            if (++session_keys > RECIPIENTS_MAX) return bad_message(op, "the message has too many recipients");
            ours += is_for(&packet, keys, key_count);
            break;
        case TAG_PASSWORD_SESSION:
            return bad_message(op, "the message is encrypted with a password");
        case TAG_ENCRYPTED:
            return bad_message(op, "the message is not protected against changes: it has no MDC");
        case TAG_ENCRYPTED_MDC:
        case TAG_ENCRYPTED_AEAD:
            if (packets.at < packets.end) return bad_message(op, "there is something behind the message");
            if (ours != 1) return bad_message(op, "the message is not encrypted to the server's key");
            return ERR_OK;
        default:
            return bad_message(op, "the block is not an encrypted OpenPGP message");
        }
    }
    return bad_message(op, "the message is damaged");
}
