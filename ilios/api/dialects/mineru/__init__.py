"""The dialect of MinerU."""
