import pytest
from examples.image_thumbnail import Thumbnail, photo, thumbnail


@pytest.mark.parametrize(
    ("width", "height", "made"),
    [(400, 300, (64, 48)), (300, 400, (48, 64)), (5, 3, (5, 3)), (1_000, 1, (64, 1))],
)
def test_a_picture_is_made_small_in_its_proportions_and_never_large(
    width: int, height: int, made: tuple[int, int]
) -> None:
    result = thumbnail(Thumbnail(width=width, height=height, side=64))

    assert (result.width, result.height) == made
    assert result.bytes > 100


def test_the_same_seed_makes_the_same_file_and_another_seed_another() -> None:
    first, again, other = (thumbnail(Thumbnail(seed=n, width=400, height=300)) for n in (1, 1, 2))

    assert first == again
    assert first.sha256 != other.sha256


def test_the_picture_has_the_many_colours_of_a_photo() -> None:
    picture = photo(seed=1, width=400, height=300)

    assert len(picture.getcolors(maxcolors=400 * 300) or []) > 100


@pytest.mark.parametrize("wrong", [{"width": 0}, {"height": 8_001}, {"side": -1}, {"quality": 96}])
def test_a_payload_without_bounds_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be between"):
        Thumbnail(**wrong)
