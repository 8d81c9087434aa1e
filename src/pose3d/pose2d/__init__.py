"""Crops of a person to 2D keypoints: pose_resnet, its training and its use."""
