/* The opener of dedup's indexes: any bytes as data.mdb are refused or read to their end. */
#include "os.h"
#include "sig/index.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], file[96];

static void use(bool write)
{
    struct index_conf c = { .path = folder, .write = write, .verify = true };
    struct index_key key = { { 1 } };
    struct index_entry e;
    struct arena arena = { 0 };
    struct err err;
    slice id;
    bool end = false;
    struct index *ix = index_open(&c, &err);

    if (!ix)
        return;
    if (index_find(ix, &key, &arena, &id, &err) && index_next(ix, true, &e, &end, &err))
        while (!end && index_next(ix, false, &e, &end, &err))
            continue;
    if (write && index_begin(ix, &err) && index_put(ix, &key, SLICE("\"id\""), &err))
        index_commit(ix, &err);
    index_close(ix);
    arena_release(&arena);
}

static void clean_up(void)
{
    char name[112];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s/%s", folder,
                 i == 0   ? "data.mdb"
                 : i == 1 ? "lock.mdb"
                          : "lock");
        unlink(name);
    }
    rmdir(folder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!index_available)
        return 0;
    if (!*folder) {
        snprintf(folder, sizeof folder, "/tmp/fuzz_index.XXXXXX");
        if (!mkdtemp(folder))
            abort();
        snprintf(file, sizeof file, "%s/data.mdb", folder);
        atexit(clean_up);
    }
    for (int write = 0; write < 2; write++) {
        FILE *f = fopen(file, "wb");
        if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
            abort();
        use(write);
    }
    return 0;
}
