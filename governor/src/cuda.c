/*
 * CUDA's results in our words, after the CUDA Driver API's list of CUresult: those whose text there
 * says that "the process must be terminated and relaunched", or that the context is corrupted or
 * destroyed, are lost contexts. 999 is counted among them: what a GPU off the bus answers.
 */
#include <gov/cuda.h>

int gov_cuda_error(int result)
{
    switch (result) {
    case 0:
        return GOV_OK;
    case 2: /* out of memory */
        return GOV_E_DEVICE_NOMEM;
    case 1:   /* invalid value */
    case 201: /* invalid context */
    case 400: /* invalid handle */
        return GOV_E_INVALID;
    case 100:
        return GOV_E_NO_DEVICE;
    case 46:  /* device unavailable */
    case 101: /* invalid device: there was one */
        return GOV_E_DEVICE_LOST;
    case 209: /* no binary for this GPU */
    case 218: /* invalid PTX */
    case 222: /* PTX newer than the driver */
    case 500: /* not found: an older driver */
    case 801:
        return GOV_E_UNSUPPORTED;
    case 3:   /* not initialized: a forked child */
    case 4:   /* being shut down */
    case 214: /* uncorrectable ECC error */
    case 220: /* uncorrectable NVLink error */
    case 221:
    case 226: /* contained error */
    case 700: /* illegal address */
    case 702: /* timeout */
    case 709: /* context is destroyed */
    case 710: /* assert */
    case 714: /* hardware stack error */
    case 715: /* illegal instruction */
    case 716: /* misaligned address */
    case 717: /* invalid address space */
    case 718: /* invalid program counter */
    case 719: /* launch failed */
    case 721: /* tensor memory leak */
    case 999:
        return GOV_E_CONTEXT_LOST;
    default:
        return GOV_E_IO;
    }
}

bool gov_error_ends_process(int error)
{
    return error == GOV_E_CONTEXT_LOST || error == GOV_E_DEVICE_LOST;
}
