"""2D keypoints to 3D poses with weak supervision: 2D of some people, unpaired 3D of others."""
