/* An Authorization header in every form: never more than "known" or "not known", and known only for the one secret. */
#include "fuzz.h"

#include "auth/credentials.h"

#include <openssl/evp.h>
#include <strings.h>

static struct credentials *known(void)
{
    static struct credentials *credentials;
    if (credentials) return credentials;
    credentials = credentials_new();
    struct arena arena = ARENA_INIT;
    for (int kind = CREDENTIAL_BEARER; kind <= CREDENTIAL_PERSONAL_KEY; kind++) {
        struct credential credential = {
            .organization_id = 1, .id = kind + 1, .kind = kind, .key_id = "k", .secret = kind == CREDENTIAL_KEY ? "raw" : "s"
        };
        credential.secret_hash = credential_hash(&arena, &credential);
        if (kind != CREDENTIAL_PERSONAL_KEY) credentials_put(credentials, &credential);
    }
    arena_free(&arena);
    return credentials;
}

static bool is_between_blanks(const char *text, const char *expected)
{
    text += strspn(text, " ");
    size_t size = strlen(expected);
    return strncmp(text, expected, size) == 0 && text[size + strspn(text + size, " \t")] == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *header = fuzz_text(data, size);
    for (unsigned forms = 0; forms < 16; forms++) {
        AUTO_OP op = op_begin();
        enum err e = credentials_authenticate(&op, known(), header, forms);
        promise(e == ERR_OK || e == ERR_UNAUTHENTICATED);
        promise((e == ERR_OK) == (op.caller.organization_id == 1));
        if (e) continue;
        promise(op.caller.credential_id != CREDENTIAL_BEARER + 1 || strncasecmp(header, "Bearer ", 7) == 0);
        promise(op.caller.credential_id != CREDENTIAL_API_KEY + 1 || strncasecmp(header, "Basic ", 6) == 0);
        promise(op.caller.credential_id != CREDENTIAL_KEY + 1 || is_between_blanks(header, "raw"));
    }
    /* The same bytes as what Basic carries: a pair is known exactly if it is k:s. */
    if (size < 700) {
        char *pair = malloc(8 + size * 4 / 3 + 8);
        memcpy(pair, "Basic ", 6);
        EVP_EncodeBlock((unsigned char *)pair + 6, data, (int)size);
        AUTO_OP op = op_begin();
        enum err e = credentials_authenticate(&op, known(), pair, FORM_BASIC);
        promise((e == ERR_OK) == (size == 3 && memcmp(data, "k:s", 3) == 0));
        free(pair);
    }
    free(header);
    return 0;
}
