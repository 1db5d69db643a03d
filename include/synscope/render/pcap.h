/* The pcap writer, asked what it could not write. */
#ifndef SYNSCOPE_RENDER_PCAP_H
#define SYNSCOPE_RENDER_PCAP_H

#include <stdint.h>

struct render;

/**
 * Count the frames that were left out: a pcap file has one link type, that of its first
 * frame, and no place to say that there were others.
 * @param r an instance of the renderer "pcap"
 */
uint64_t pcap_file_left_out(const struct render *r);

#endif
