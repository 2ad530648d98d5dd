"""A picture's pixels where Pillow has them, for other libraries to read and write without a copy.

Pillow hands out their address by the Arrow C data interface (its documentation: "Arrow support"), as long as they lie
in one piece of memory.
"""

import ctypes
from ctypes import POINTER, Structure, c_char_p, c_int64, c_void_p, py_object
from dataclasses import dataclass

from PIL import Image

# The most there is. By itself Pillow breaks pictures at 16 MB, which its documentation says, as it says `Image.core`.
Image.core.set_block_size(2**31 - 4096)  # type: ignore[attr-defined]


class _Array(Structure):
    """The beginning of struct ArrowArray."""


_Array._fields_ = [
    *((name, c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(_Array))),
]

_address_in = ctypes.pythonapi.PyCapsule_GetPointer
_address_in.restype, _address_in.argtypes = c_void_p, (py_object, c_char_p)


@dataclass(frozen=True, slots=True)
class Pixels:
    """Rows of `width` pixels, without a gap, of `bands` bytes each. They stay at `address` while `holder` lives."""

    address: int
    width: int
    height: int
    bands: int
    holder: object

    @classmethod
    def of(cls, image: Image.Image) -> "Pixels":
        """The pixels of a picture with eight bits a channel: one byte each, or four where it has several channels.

        MemoryError where they lie in pieces. Pillow makes those only when there is no room for one.
        """
        try:
            _, holder = image.__arrow_c_array__()
        except ValueError as error:
            raise MemoryError(f"no room for {image.width} x {image.height} pixels in one piece") from error
        array = ctypes.cast(_address_in(holder, b"arrow_array"), POINTER(_Array)).contents
        bands = 4 if array.n_children else 1
        flat = array.children[0].contents if array.n_children else array
        return cls(flat.buffers[1] or 0, *image.size, bands, holder)
