"""Land: pairs become releases, and releases become files."""

from pipeline.land.release import Release

LAND = {"release": Release}
