#include "synscope/client/client.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	exit(client_main(argc, argv));
}
