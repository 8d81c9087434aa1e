"""Which frames of a video the numbers in a file mean: from 0, from 1, or those in the names of its pictures."""

import numpy as np

from pose3d.runtime.errors import InputError


def in_video(
    path: str, frames: np.ndarray, listed: tuple[int, int], n_video: int, picture_numbers: np.ndarray | None
) -> tuple[np.ndarray, list[str]]:
    """Count a file's frames as the video's, from 0.

    Args:
        path: of the file, for messages.
        frames: (N,) its numbers, ascending.
        listed: the first and the last number of all frames that it has, also of those with nobody.
        n_video: how many frames the video has.
        picture_numbers: (n_video,) in the names of its pictures, strictly ascending; None: there are none.

    Returns:
        (N,), from n_video on past the video's end; and a sentence where they are not the file's.

    Raises:
        InputError: there are more than pictures, and not all are numbered as these.

    Example:
        Every other picture, and the keypoints of two of them.

        >>> in_video("k.json", np.array([2, 6]), (2, 6), 4, np.array([0, 2, 4, 6]))[0].tolist()
        [1, 3]
    """
    first, last = listed
    numbers = np.arange(n_video) if picture_numbers is None else picture_numbers
    low, high = int(numbers[0]), int(numbers[-1])
    others = np.setdiff1d(np.append(frames, listed), numbers)
    if high >= n_video and not len(others):
        said = f"{path}: frames are numbered as the pictures are, from {low} to {high}: equal numbers go together"
        return np.searchsorted(numbers, frames), [said]
    if first >= 1 and last == n_video:
        return frames - 1, [f"{path}: frames are numbered from 1, and taken as the video's 0 to {n_video - 1}"]
    if first == last >= n_video == 1:
        return np.zeros_like(frames), [f"{path}: its only frame, {first}, is taken as the only one of the video"]
    # From 0, or from 1, pictures of any video are numbered that are taken out of it.
    if last >= n_video and (low, high) not in ((0, n_video - 1), (1, n_video)):
        raise InputError(
            f"{path}: frame {others[0]} is none of the pictures, whose names have numbers from {low} to {high}: number "
            f"frames as the pictures, or from 0 to {n_video - 1}"
        )
    return frames, []
