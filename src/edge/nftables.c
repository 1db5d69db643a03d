#include "synscope/edge/nftables.h"

#include "synscope/edge/privs.h"

#include <dlfcn.h>
#include <errno.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <string.h>

struct nftables {
	struct nft_ctx *context;
};

/* The library, once loaded; for the rest of the process. */
static struct {
	void *handle;
	__typeof__(nft_ctx_new) *ctx_new;
	__typeof__(nft_ctx_free) *ctx_free;
	__typeof__(nft_ctx_buffer_error) *buffer_error;
	__typeof__(nft_ctx_buffer_output) *buffer_output;
	__typeof__(nft_ctx_get_error_buffer) *error_text;
	__typeof__(nft_run_cmd_from_buffer) *run;
} library;

static int nftables_load(struct fault *why)
{
	if (library.handle != NULL)
		return 0;
	void *handle = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		fault_set(why, "cannot use nftables: %s", dlerror());
		return -ENOSYS;
	}
	/* Function from object pointer, the way dlsym(3) shows. */
	*(void **)&library.ctx_new = dlsym(handle, "nft_ctx_new");
	*(void **)&library.ctx_free = dlsym(handle, "nft_ctx_free");
	*(void **)&library.buffer_error = dlsym(handle, "nft_ctx_buffer_error");
	*(void **)&library.buffer_output = dlsym(handle, "nft_ctx_buffer_output");
	*(void **)&library.error_text = dlsym(handle, "nft_ctx_get_error_buffer");
	*(void **)&library.run = dlsym(handle, "nft_run_cmd_from_buffer");
	if (library.ctx_new == NULL || library.ctx_free == NULL || library.buffer_error == NULL ||
	    library.buffer_output == NULL || library.error_text == NULL || library.run == NULL) {
		fault_set(why, "cannot use nftables: libnftables.so.1 is not complete");
		dlclose(handle);
		return -ENOSYS;
	}
	library.handle = handle;
	return 0;
}

int nftables_open(struct nftables **n, struct fault *why)
{
	/* Asked first, since libnftables prints "you must be root" by itself. */
	if (!privs_have(PRIVILEGE_NET_ADMIN)) {
		fault_set(why, "cannot use nftables: %s (needs CAP_NET_ADMIN)", strerror(EPERM));
		return -EPERM;
	}
	const int status = nftables_load(why);
	if (status < 0)
		return status;
	struct nftables *new = calloc(1, sizeof *new);
	if (new != NULL)
		new->context = library.ctx_new(NFT_CTX_DEFAULT);
	if (new == NULL || new->context == NULL || library.buffer_error(new->context) != 0 ||
	    library.buffer_output(new->context) != 0) {
		fault_set(why, "cannot use nftables: %s", strerror(ENOMEM));
		nftables_close(new);
		return -ENOMEM;
	}
	*n = new;
	return 0;
}

int nftables_run(struct nftables *n, const char *commands, struct fault *why)
{
	errno = 0;
	if (library.run(n->context, commands) == 0)
		return 0;
	const int error = errno != 0 ? errno : EIO;
	const char *message = library.error_text(n->context);
	const size_t line = message == NULL ? 0 : strcspn(message, "\n");
	fault_set(why, "nftables refused: %.*s", (int)line, message == NULL ? "" : message);
	return -error;
}

void nftables_close(struct nftables *n)
{
	if (n == NULL)
		return;
	if (n->context != NULL)
		library.ctx_free(n->context);
	free(n);
}
