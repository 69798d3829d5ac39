"""image.thumbnail: a large picture made small by a C library, in a process that a timeout or a cancel can end."""

import hashlib
import io
import random
from dataclasses import dataclass

from PIL import Image, ImageOps

from treadle import Handlers

handlers = Handlers()

_MAX_SIDE = 8_000
_SKY, _HILLS, _SUN = (18, 28, 66), (196, 92, 60), (255, 236, 190)
_COARSEST, _OCTAVES = 4, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbnail:
    """Of a picture of `width` x `height` pixels that looks like a photo and is the same for the same `seed`; it is
    fitted into `side` x `side`."""

    seed: int = 1
    width: int = 4_000
    height: int = 3_000
    side: int = 256
    quality: int = 85

    def __post_init__(self) -> None:
        for name in ("width", "height", "side"):
            if not 1 <= getattr(self, name) <= _MAX_SIDE:
                raise ValueError(f"{name} must be between 1 and {_MAX_SIDE}")
        if not 1 <= self.quality <= 95:
            raise ValueError("quality must be between 1 and 95")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbnailMade:
    """`sha256` is that of the JPEG file, which another release of Pillow may write in another way."""

    width: int
    height: int
    bytes: int
    sha256: str


@handlers.register("image.thumbnail", timeout=60, isolated=True, memory_mb=1_024)
def thumbnail(payload: Thumbnail) -> ThumbnailMade:
    picture = photo(payload.seed, payload.width, payload.height)
    picture.thumbnail((payload.side, payload.side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=payload.quality)
    return ThumbnailMade(
        width=picture.width,
        height=picture.height,
        bytes=file.tell(),
        sha256=hashlib.sha256(file.getbuffer()).hexdigest(),
    )


def photo(seed: int, width: int, height: int) -> Image.Image:
    """Clouds at dusk: grey noise, each layer twice as fine and half as strong as the one before, then coloured."""
    # Seeded: it is no secret, and the same everywhere.
    chance = random.Random(seed)  # noqa: S311
    light = Image.new("L", (width, height), 128)
    for octave in range(_OCTAVES):
        cells = _COARSEST * 2**octave
        noise = Image.frombytes("L", (cells, cells), chance.randbytes(cells * cells))
        layer = noise.resize((width, height), Image.Resampling.BICUBIC)
        light = Image.blend(light, layer, 0.5 ** (1 + octave / 2))
    return ImageOps.colorize(ImageOps.autocontrast(light), black=_SKY, mid=_HILLS, white=_SUN)
